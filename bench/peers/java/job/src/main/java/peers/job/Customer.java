package peers.job;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * All that the job `full` keeps of one customer, and its rules (../README.md).
 *
 * <p>Events are held until event time has passed them, and then count in the order of their time.
 */
public final class Customer {
    public static final long QUIET_MS = 1_209_600_000L;
    private static final long NONE = Long.MIN_VALUE;

    public long cents;
    public long purchases;
    /** When the open episode began, ms since 1970. */
    public long episode = NONE;
    /** What event time has not passed yet, in order. */
    public List<Ahead> ahead = new ArrayList<>(2);

    /** A purchase or an unresolved contact that is yet to count. */
    public static final class Ahead {
        public boolean contact;
        public long time;
        public long cents;

        public Ahead() {}

        public Ahead(boolean contact, long time, long cents) {
            this.contact = contact;
            this.time = time;
            this.cents = cents;
        }

        private boolean isBefore(Ahead other) {
            return time < other.time || (time == other.time && !contact && other.contact);
        }
    }

    /** Return whether an event can change anything, now or later. */
    public static boolean matters(Event event) {
        return event.kind == Event.Kind.PURCHASE || (event.kind == Event.Kind.CONTACT && !event.resolved);
    }

    /** Take an event that matters, at a time (ms since 1970) that event time has not passed. */
    public void add(Event event, long time) {
        Ahead added = new Ahead(event.kind == Event.Kind.CONTACT, time, event.cents);
        int at = ahead.size();
        while (at > 0 && added.isBefore(ahead.get(at - 1))) {
            at--;
        }
        ahead.add(at, added);
    }

    /** Count what happened until `passed`, ms since 1970, and give the alerts that have become certain. */
    public void settle(String name, long passed, Consumer<Alert> alerts) {
        int counted = 0;
        for (; counted < ahead.size() && ahead.get(counted).time <= passed; counted++) {
            Ahead event = ahead.get(counted);
            closeIfQuiet(name, event.time - 1, alerts);
            if (!event.contact) {
                cents += event.cents;
                purchases++;
                episode = NONE;
            } else if (episode == NONE && purchases > 0) {
                episode = event.time;
            }
        }
        if (counted > 0) {
            ahead.subList(0, counted).clear();
        }
        closeIfQuiet(name, passed, alerts);
    }

    private void closeIfQuiet(String name, long passed, Consumer<Alert> alerts) {
        if (episode != NONE && episode + QUIET_MS <= passed) {
            alerts.accept(new Alert(name, episode, cents));
            episode = NONE;
        }
    }

    /** Return what was spent in all, what event time has not passed included. */
    public Spend spend() {
        Spend all = new Spend(cents, purchases);
        for (Ahead event : ahead) {
            if (!event.contact) {
                all.cents += event.cents;
                all.purchases++;
            }
        }
        return all;
    }
}
