package peers.flink;

import java.io.IOException;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import peers.job.Event;
import peers.run.Options;
import peers.run.Progress;

/** The topics as streams of events, up to where they end when the program starts. */
final class Sources {
    private Sources() {}

    static DataStream<Event> events(
            StreamExecutionEnvironment env,
            Options options,
            String topic,
            WatermarkStrategy<Event> watermarks) {
        KafkaSource<Event> source = KafkaSource.<Event>builder()
                .setBootstrapServers(options.bootstrap())
                .setTopics(topic)
                .setGroupId(options.name())
                .setClientIdPrefix(options.name() + "-" + topic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setValueOnlyDeserializer(new Json())
                .build();
        return env.fromSource(source, watermarks, topic);
    }

    /** Times of a partition never fall: all before the newest has been seen. A tick says so at once. */
    static WatermarkStrategy<Event> watermarks() {
        return WatermarkStrategy.forGenerator(context -> new Ascending());
    }

    private static final class Ascending implements WatermarkGenerator<Event> {
        private long newest = Long.MIN_VALUE + 1;

        @Override
        public void onEvent(Event event, long time, WatermarkOutput output) {
            newest = Math.max(newest, time);
            if (event.kind == Event.Kind.TICK) {
                onPeriodicEmit(output);
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            output.emitWatermark(new Watermark(newest - 1));
        }
    }

    private static final class Json extends AbstractDeserializationSchema<Event> {
        private static final long serialVersionUID = 1;

        @Override
        public Event deserialize(byte[] json) throws IOException {
            Progress.record();
            return Event.parse(json);
        }
    }
}
