package peers.job;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/** A customer who bought nothing for 14 days after an unresolved contact. A POJO to Flink and Jackson. */
public final class Alert {
    private static final ObjectMapper JSON = new ObjectMapper();

    @JsonProperty("customer_id")
    public String customer = "";
    /** When the contact was, ms since 1970. */
    public long time;
    /** Spent in all by then. */
    public long cents;

    public Alert() {}

    public Alert(String customer, long time, long cents) {
        this.customer = customer;
        this.time = time;
        this.cents = cents;
    }

    public byte[] toJson() {
        try {
            return JSON.writeValueAsBytes(this);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    public static Alert parse(byte[] json) throws IOException {
        return JSON.readValue(json, Alert.class);
    }

    /** Return the CRC-32 of its text. */
    public long checksum() {
        CRC32 crc = new CRC32();
        crc.update((customer + " " + time + " " + cents).getBytes(StandardCharsets.UTF_8));
        return crc.getValue();
    }
}
