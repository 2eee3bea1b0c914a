package peers.run;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

/** How far this process is: it says when the first record is there, and counts records. */
public final class Progress {
    private static final AtomicBoolean STARTED = new AtomicBoolean();
    private static final LongAdder RECORDS = new LongAdder();
    private static volatile long started;

    private Progress() {}

    /** Note that a record is about to be decoded. */
    public static void record() {
        if (!STARTED.get() && STARTED.compareAndSet(false, true)) {
            started = System.nanoTime();
            Result.say("{\"ready\": true}");
        }
        RECORDS.increment();
    }

    public static long records() {
        return RECORDS.sum();
    }

    /** Return the seconds since the first record. */
    public static double seconds() {
        return (System.nanoTime() - started) / 1e9;
    }
}
