/** What a program is to the harness: its options, its lines, when it began, when all is committed. */
package peers.run;
