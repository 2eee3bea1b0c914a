package peers.kafkastreams;

import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import peers.run.Options;
import peers.run.Result;

/** A job as a topology, and how its result is read from the stores. */
interface Job {
    /** Makes a store of the kind that was asked for. */
    interface Stores {
        KeyValueBytesStoreSupplier named(String name);
    }

    Topology topology(Options options, Stores stores);

    void read(KafkaStreams streams, Result result);
}
