package peers.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import peers.job.Alert;

/** An alert as a record: the customer's id as key, JSON as value. */
final class AlertRecord implements KafkaRecordSerializationSchema<Alert> {
    private static final long serialVersionUID = 1;

    private final String topic;

    AlertRecord(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Alert alert, KafkaSinkContext context, Long timestamp) {
        return new ProducerRecord<>(topic, alert.customer.getBytes(StandardCharsets.UTF_8), alert.toJson());
    }
}
