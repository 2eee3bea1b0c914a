/** The jobs on Flink. */
package peers.flink;
