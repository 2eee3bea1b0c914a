package peers.job;

/** What a customer has spent: all that the job `fold` keeps of one. */
public final class Spend {
    public long cents;
    public long purchases;

    public Spend() {}

    public Spend(long cents, long purchases) {
        this.cents = cents;
        this.purchases = purchases;
    }

    /** Add a purchase, and return this. */
    public Spend add(Event purchase) {
        cents += purchase.cents;
        purchases++;
        return this;
    }
}
