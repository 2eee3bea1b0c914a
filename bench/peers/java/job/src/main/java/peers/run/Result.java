package peers.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import peers.job.Alert;
import peers.job.Spend;

/** What a run came to, and how the harness is told. */
public final class Result {
    private final String version;
    private double seconds;
    private long customers;
    private long cents;
    private long purchases;

    /** Begin a result, with a text that says what ran on what settings. */
    public Result(String version) {
        this.version = version;
    }

    /** Write a line that the harness reads. */
    static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Stop the clock: all is processed and committed. */
    public void committed() {
        seconds = Progress.seconds();
        say("{\"committed\": true}");
    }

    /** Add what is kept of a customer. */
    public void add(Spend spend) {
        customers++;
        cents += spend.cents;
        purchases += spend.purchases;
    }

    /** Add sums over customers. */
    public void add(long customers, long cents, long purchases) {
        this.customers += customers;
        this.cents += cents;
        this.purchases += purchases;
    }

    /** Read the committed alerts, and write the result to standard output and to the file. */
    public void report(Options options) throws IOException {
        long alerts = 0;
        long checksum = 0;
        if (options.isFull()) {
            for (Alert alert : alerts(options)) {
                alerts++;
                checksum += alert.checksum();
            }
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("records", Progress.records());
        line.put("customers", customers);
        line.put("cents", cents);
        line.put("purchases", purchases);
        line.put("alerts", alerts);
        line.put("checksum", checksum);
        line.put("seconds", seconds);
        line.put("version", version);
        String json = new ObjectMapper().writeValueAsString(line);
        Files.writeString(options.out(), json + "\n");
        say(json);
    }

    private static List<Alert> alerts(Options options) throws IOException {
        Map<String, Object> settings =
                Map.of("bootstrap.servers", options.bootstrap(), "isolation.level", "read_committed");
        List<Alert> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(options.alerts()).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(tp -> consumer.position(tp) < ends.get(tp))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    found.add(Alert.parse(record.value()));
                }
            }
        }
        return found;
    }
}
