/** The jobs on Kafka Streams. */
package peers.kafkastreams;
