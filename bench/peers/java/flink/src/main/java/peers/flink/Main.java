package peers.flink;

import java.time.Duration;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import peers.job.Alert;
import peers.job.Customer;
import peers.job.Event;
import peers.run.Options;
import peers.run.Result;

/** Flink in one process, exactly-once: ends when a checkpoint covers all that the topics hold. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Options options = Options.read(arguments, Set.of("slots"));
        int slots = Integer.parseInt(options.get("slots", "1"));
        Result result = new Result("Flink " + EnvironmentInformation.getVersion()
                + ", exactly-once checkpoints every 1 s, heap state, slots: " + slots);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(slots, settings(options));
        if (options.isFull()) {
            full(env, options);
        } else {
            fold(env, options);
        }
        // The tasks end only after a checkpoint has completed behind their last record.
        JobExecutionResult done = env.executeAsync(options.name()).getJobExecutionResult().get();
        result.committed();
        result.add(
                done.<Long>getAccumulatorResult("customers"),
                done.<Long>getAccumulatorResult("cents"),
                done.<Long>getAccumulatorResult("purchases"));
        result.report(options);
    }

    private static Configuration settings(Options options) {
        Configuration settings = new Configuration();
        settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1));
        settings.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, options.folder().toUri().toString());
        settings.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        settings.set(PipelineOptions.GENERIC_TYPES, false);
        return settings;
    }

    private static void fold(StreamExecutionEnvironment env, Options options) {
        Sources.events(env, options, options.transactions(), WatermarkStrategy.noWatermarks())
                .filter(event -> event.kind == Event.Kind.PURCHASE)
                .keyBy(event -> event.customer)
                .transform("fold", Types.VOID, new Counted<>(new Fold(), Fold.SPEND, spend -> spend))
                .sinkTo(new DiscardingSink<>());
    }

    private static void full(StreamExecutionEnvironment env, Options options) {
        DataStream<Event> transactions =
                Sources.events(env, options, options.transactions(), Sources.watermarks());
        DataStream<Event> contacts = Sources.events(env, options, options.contacts(), Sources.watermarks());
        transactions
                .union(contacts)
                .filter(Customer::matters)
                .keyBy(event -> event.customer)
                .transform(
                        "episodes",
                        TypeInformation.of(Alert.class),
                        new Counted<>(new Full(), Full.CUSTOMER, Customer::spend))
                .sinkTo(alerts(options));
    }

    private static KafkaSink<Alert> alerts(Options options) {
        Properties settings = new Properties();
        settings.put("transaction.timeout.ms", "60000"); // Flink's own default is above what brokers allow
        return KafkaSink.<Alert>builder()
                .setBootstrapServers(options.bootstrap())
                .setKafkaProducerConfig(settings)
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix(options.name())
                .setRecordSerializer(new AlertRecord(options.alerts()))
                .build();
    }
}
