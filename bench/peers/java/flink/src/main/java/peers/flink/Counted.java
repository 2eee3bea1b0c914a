package peers.flink;

import java.io.Serializable;
import java.util.function.Function;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import peers.job.Event;
import peers.job.Spend;

/**
 * Runs a keyed function as Flink does, and adds up the state of all customers when the input has ended.
 *
 * <p>Only the result needs this: a function sees one key at a time, an operator all.
 */
final class Counted<S, O> extends KeyedProcessOperator<String, Event, O> implements BoundedOneInput {
    private static final long serialVersionUID = 1;

    /** What a customer has spent, by the state that is kept. */
    interface Reading<S> extends Function<S, Spend>, Serializable {}

    private final ValueStateDescriptor<S> state;
    private final Reading<S> reading;

    Counted(
            KeyedProcessFunction<String, Event, O> function,
            ValueStateDescriptor<S> state,
            Reading<S> reading) {
        super(function);
        this.state = state;
        this.reading = reading;
    }

    @Override
    public void endInput() throws Exception {
        Spend all = new Spend();
        LongCounter customers = new LongCounter();
        this.<String>getKeyedStateBackend()
                .applyToAllKeys(
                        VoidNamespace.INSTANCE,
                        VoidNamespaceSerializer.INSTANCE,
                        state,
                        (String customer, ValueState<S> kept) -> {
                            Spend spend = reading.apply(kept.value());
                            if (spend.purchases > 0) {
                                customers.add(1);
                                all.cents += spend.cents;
                                all.purchases += spend.purchases;
                            }
                        });
        getRuntimeContext().addAccumulator("customers", customers);
        getRuntimeContext().addAccumulator("cents", new LongCounter(all.cents));
        getRuntimeContext().addAccumulator("purchases", new LongCounter(all.purchases));
    }
}
