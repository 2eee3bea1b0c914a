package peers.job;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;

/**
 * What the jobs need of a record's value: a purchase, a contact or a tick. Its time is that of the record.
 *
 * <p>Public fields, so it is a POJO to Flink.
 */
public final class Event {
    private static final JsonFactory JSON = new JsonFactory();

    public enum Kind {
        PURCHASE,
        CONTACT,
        TICK
    }

    public Kind kind = Kind.TICK;
    /** Empty for a tick. */
    public String customer = "";
    /** Of a purchase, else 0. */
    public long cents;
    /** Of a contact: whether the customer's matter was settled. */
    public boolean resolved;

    /** Read a record's value with Jackson's streaming parser. Throws IOException if it is no such JSON. */
    public static Event parse(byte[] json) throws IOException {
        Event event = new Event();
        try (JsonParser parser = JSON.createParser(json)) {
            parser.nextToken();
            for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
                JsonToken value = parser.nextToken();
                switch (field) {
                    case "type" -> event.kind = kind(parser.getText());
                    case "customer_id" -> event.customer = parser.getText();
                    case "amount" -> event.cents = cents(parser.getText());
                    case "resolution" -> event.resolved = parser.getText().equals("resolved");
                    default -> {
                        if (value.isStructStart()) {
                            parser.skipChildren();
                        }
                    }
                }
            }
        }
        return event;
    }

    private static Kind kind(String type) {
        return switch (type) {
            case "transaction" -> Kind.PURCHASE;
            case "contact" -> Kind.CONTACT;
            default -> Kind.TICK;
        };
    }

    private static long cents(String amount) {
        return new BigDecimal(amount).movePointRight(2).longValueExact();
    }
}
