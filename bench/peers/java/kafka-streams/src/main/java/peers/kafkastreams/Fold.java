package peers.kafkastreams;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import peers.job.Event;
import peers.job.Spend;
import peers.run.Options;
import peers.run.Result;

/** The job `fold`, in the DSL: an aggregate for each customer. */
final class Fold implements Job {
    static final String SPEND = "spend";

    @Override
    public Topology topology(Options options, Stores stores) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(options.transactions(), Consumed.with(Serdes.String(), Formats.EVENTS))
                .filter((customer, event) -> event.kind == Event.Kind.PURCHASE)
                .groupByKey(Grouped.with(Serdes.String(), Formats.EVENTS))
                .aggregate(
                        Spend::new,
                        (customer, event, spend) -> spend.add(event),
                        Materialized.<String, Spend>as(stores.named(SPEND))
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Formats.SPEND)
                                .withCachingEnabled());
        return builder.build();
    }

    @Override
    public void read(KafkaStreams streams, Result result) {
        var spend = streams.store(StoreQueryParameters.fromNameAndType(
                SPEND, QueryableStoreTypes.<String, Spend>keyValueStore()));
        try (KeyValueIterator<String, Spend> all = spend.all()) {
            all.forEachRemaining(each -> result.add(each.value));
        }
    }
}
