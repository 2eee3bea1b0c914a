package peers.kafkastreams;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.StoreBuilder;
import peers.job.Customer;
import peers.run.Options;
import peers.run.Result;

/** The job `full`, by the Processor API: one processor with two stores, on both topics. */
final class Full implements Job {
    static final String CUSTOMERS = "customers";
    static final String DEADLINES = "deadlines";

    @Override
    public Topology topology(Options options, Stores stores) {
        return new Topology()
                .addSource(
                        AutoOffsetReset.earliest(),
                        "events",
                        new StringDeserializer(),
                        Formats.EVENT,
                        options.transactions(),
                        options.contacts())
                .addProcessor("episodes", Episodes::new, "events")
                .addStateStore(store(stores, CUSTOMERS, Serdes.String(), Formats.CUSTOMER), "episodes")
                .addStateStore(store(stores, DEADLINES, Serdes.ByteArray(), Serdes.ByteArray()), "episodes")
                .addSink("alerts", options.alerts(), new StringSerializer(), Formats::alert, "episodes");
    }

    private static <K, V> StoreBuilder<KeyValueStore<K, V>> store(
            Stores stores, String name, Serde<K> keys, Serde<V> values) {
        return org.apache.kafka.streams.state.Stores.keyValueStoreBuilder(stores.named(name), keys, values)
                .withCachingEnabled();
    }

    @Override
    public void read(KafkaStreams streams, Result result) {
        var customers = streams.store(StoreQueryParameters.fromNameAndType(
                CUSTOMERS, QueryableStoreTypes.<String, Customer>keyValueStore()));
        try (KeyValueIterator<String, Customer> all = customers.all()) {
            all.forEachRemaining(each -> {
                if (each.value.spend().purchases > 0) {
                    result.add(each.value.spend());
                }
            });
        }
    }
}
