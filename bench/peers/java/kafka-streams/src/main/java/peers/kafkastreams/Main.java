package peers.kafkastreams;

import java.nio.file.Files;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;
import peers.run.Offsets;
import peers.run.Options;
import peers.run.Result;

/** Kafka Streams, exactly_once_v2: ends when the group has committed all that the topics hold. */
public final class Main {
    private static final long POLL_MS = 20;

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Options options = Options.read(arguments, Set.of("threads", "store"));
        String kind = options.get("store", "memory");
        int threads = Integer.parseInt(options.get("threads", "2"));
        Job job = options.isFull() ? new Full() : new Fold();
        Job.Stores stores = switch (kind) {
            case "memory" -> Stores::inMemoryKeyValueStore;
            case "rocksdb" -> Stores::persistentKeyValueStore;
            default -> throw new IllegalArgumentException("--store is memory or rocksdb");
        };
        Result result = new Result("Kafka Streams " + AppInfoParser.getVersion()
                + ", exactly_once_v2, threads: " + threads + ", stores: " + kind);
        Files.createDirectories(options.folder());
        try (Offsets offsets = new Offsets(options.bootstrap());
                KafkaStreams streams =
                        new KafkaStreams(job.topology(options, stores), settings(options, threads))) {
            Map<TopicPartition, Long> ends = offsets.ends(options.topics());
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            while (!offsets.reached(options.name(), ends)) {
                if (streams.state().isShuttingDown() || streams.state().hasCompletedShutdown()) {
                    throw new IllegalStateException("Kafka Streams ended: " + streams.state());
                }
                Thread.sleep(POLL_MS);
            }
            result.committed();
            job.read(streams, result);
        }
        result.report(options);
    }

    private static Properties settings(Options options, int threads) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, options.name());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.bootstrap());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, options.folder().toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        return settings;
    }
}
