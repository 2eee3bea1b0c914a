package peers.run;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The command line of a peer: see ../README.md. */
public final class Options {
    private static final Set<String> REQUIRED =
            Set.of("bootstrap", "prefix", "name", "job", "records", "out");
    private static final int USAGE = 64;
    private final Map<String, String> values = new HashMap<>();

    /** Read pairs of `--option value`, those of `own` among them; say what is wrong, and exit. */
    public static Options read(String[] arguments, Set<String> own) {
        try {
            return new Options(arguments, own);
        } catch (IllegalArgumentException error) {
            System.err.println(error.getMessage());
            System.exit(USAGE);
            throw error;
        }
    }

    private Options(String[] arguments, Set<String> own) {
        Set<String> known = new TreeSet<>(REQUIRED);
        known.add("contacts");
        known.addAll(own);
        for (int i = 0; i < arguments.length; i += 2) {
            String name = arguments[i].startsWith("--") ? arguments[i].substring(2) : "";
            if (!known.contains(name) || i + 1 == arguments.length) {
                throw new IllegalArgumentException(
                        arguments[i] + ": options, each with a value, are --" + String.join(" --", known));
            }
            values.put(name, arguments[i + 1]);
        }
        for (String name : REQUIRED) {
            if (!values.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + " is missing");
            }
        }
        if (!Set.of("fold", "full").contains(values.get("job"))) {
            throw new IllegalArgumentException("--job is fold or full");
        }
    }

    public String get(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    public String bootstrap() {
        return values.get("bootstrap");
    }

    /** Return what all that the program makes in Kafka begins with. */
    public String name() {
        return values.get("name");
    }

    public boolean isFull() {
        return values.get("job").equals("full");
    }

    public String transactions() {
        return values.get("prefix") + "transactions";
    }

    public String contacts() {
        return values.get("prefix") + "contacts";
    }

    /** Return the topics that the job reads. */
    public List<String> topics() {
        return isFull() ? List.of(transactions(), contacts()) : List.of(transactions());
    }

    public String alerts() {
        return name() + ".alerts";
    }

    public Path out() {
        return Path.of(values.get("out")).toAbsolutePath();
    }

    /** Return a folder for what the program keeps on disk. */
    public Path folder() {
        return out().resolveSibling("state");
    }
}
