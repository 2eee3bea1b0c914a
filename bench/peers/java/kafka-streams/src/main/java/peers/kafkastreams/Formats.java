package peers.kafkastreams;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import peers.job.Alert;
import peers.job.Customer;
import peers.job.Event;
import peers.job.Spend;
import peers.run.Progress;

/** How records and state are written: events and alerts as JSON, state as fixed-width numbers. */
final class Formats {
    private static final int AHEAD = 1 + 8 + 8;

    static final Deserializer<Event> EVENT = (topic, json) -> {
        Progress.record();
        try {
            return Event.parse(json);
        } catch (IOException error) {
            throw new SerializationException(error);
        }
    };
    static final Serde<Event> EVENTS = Serdes.serdeFrom(
            (topic, event) -> {
                throw new UnsupportedOperationException("events are only read");
            },
            EVENT);
    static final Serde<Spend> SPEND =
            Serdes.serdeFrom((topic, spend) -> pack(spend), (topic, bytes) -> spend(bytes));
    static final Serde<Customer> CUSTOMER =
            Serdes.serdeFrom((topic, customer) -> pack(customer), (topic, bytes) -> customer(bytes));

    private Formats() {}

    static byte[] alert(String topic, Alert alert) {
        return alert.toJson();
    }

    private static byte[] pack(Spend spend) {
        if (spend == null) {
            return null;
        }
        return ByteBuffer.allocate(16).putLong(spend.cents).putLong(spend.purchases).array();
    }

    private static Spend spend(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer from = ByteBuffer.wrap(bytes);
        return new Spend(from.getLong(), from.getLong());
    }

    private static byte[] pack(Customer customer) {
        if (customer == null) {
            return null;
        }
        ByteBuffer to = ByteBuffer.allocate(24 + AHEAD * customer.ahead.size());
        to.putLong(customer.cents).putLong(customer.purchases).putLong(customer.episode);
        for (Customer.Ahead event : customer.ahead) {
            to.put((byte) (event.contact ? 1 : 0)).putLong(event.time).putLong(event.cents);
        }
        return to.array();
    }

    private static Customer customer(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer from = ByteBuffer.wrap(bytes);
        Customer customer = new Customer();
        customer.cents = from.getLong();
        customer.purchases = from.getLong();
        customer.episode = from.getLong();
        while (from.hasRemaining()) {
            customer.ahead.add(new Customer.Ahead(from.get() == 1, from.getLong(), from.getLong()));
        }
        return customer;
    }

    /** The key of a moment when a customer may have been quiet for long enough: sorts by time. */
    static byte[] deadline(long time, String customer) {
        byte[] name = customer.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + name.length).putLong(time).put(name).array();
    }

    static long timeOf(byte[] deadline) {
        return ByteBuffer.wrap(deadline).getLong();
    }

    static String customerOf(byte[] deadline) {
        return new String(deadline, 8, deadline.length - 8, StandardCharsets.UTF_8);
    }
}
