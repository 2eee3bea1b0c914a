/** The jobs themselves (../README.md): what is read, what is kept of a customer, what an alert is. */
package peers.job;
