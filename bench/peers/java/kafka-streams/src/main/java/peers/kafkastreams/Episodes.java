package peers.kafkastreams;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import peers.job.Alert;
import peers.job.Customer;
import peers.job.Event;

/**
 * Follows the customers of a partition: events change them, and at deadlines they are looked at if nothing
 * happens.
 *
 * <p>Kafka Streams merges the two topics by time, and waits for the one that lags: so all that was
 * earlier than stream time has been seen.
 */
final class Episodes implements Processor<String, Event, String, Alert> {
    private static final byte[] NOTHING = {};

    private ProcessorContext<String, Alert> context;
    private KeyValueStore<String, Customer> customers;
    private KeyValueStore<byte[], byte[]> deadlines;
    /** The first of the deadlines. */
    private long next = Long.MAX_VALUE;

    @Override
    public void init(ProcessorContext<String, Alert> context) {
        this.context = context;
        customers = context.getStateStore(Full.CUSTOMERS);
        deadlines = context.getStateStore(Full.DEADLINES);
        try (KeyValueIterator<byte[], byte[]> all = deadlines.all()) {
            next = all.hasNext() ? Formats.timeOf(all.next().key) : Long.MAX_VALUE;
        }
    }

    @Override
    public void process(Record<String, Event> record) {
        long passed = context.currentStreamTimeMs() - 1;
        if (next <= passed) {
            meetDeadlines(passed);
        }
        Event event = record.value();
        if (!Customer.matters(event)) {
            return;
        }
        Customer known = customers.get(event.customer);
        Customer customer = known == null ? new Customer() : known;
        customer.settle(event.customer, passed, this::raise);
        customer.add(event, record.timestamp());
        customers.put(event.customer, customer);
        if (event.kind == Event.Kind.CONTACT) {
            long deadline = record.timestamp() + Customer.QUIET_MS;
            deadlines.put(Formats.deadline(deadline, event.customer), NOTHING);
            next = Math.min(next, deadline);
        }
    }

    private void meetDeadlines(long passed) {
        List<byte[]> due = new ArrayList<>();
        next = Long.MAX_VALUE;
        try (KeyValueIterator<byte[], byte[]> all = deadlines.all()) {
            while (all.hasNext() && next == Long.MAX_VALUE) {
                KeyValue<byte[], byte[]> first = all.next();
                if (Formats.timeOf(first.key) <= passed) {
                    due.add(first.key);
                } else {
                    next = Formats.timeOf(first.key);
                }
            }
        }
        for (byte[] deadline : due) {
            String name = Formats.customerOf(deadline);
            Customer customer = customers.get(name);
            customer.settle(name, passed, this::raise);
            customers.put(name, customer);
            deadlines.delete(deadline);
        }
    }

    private void raise(Alert alert) {
        context.forward(new Record<>(alert.customer, alert, context.currentStreamTimeMs()));
    }
}
