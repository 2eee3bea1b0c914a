package peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import peers.job.Event;
import peers.job.Spend;

/** The job `fold`: adds a purchase to what its customer has spent. */
final class Fold extends KeyedProcessFunction<String, Event, Void> {
    static final ValueStateDescriptor<Spend> SPEND = new ValueStateDescriptor<>("spend", Spend.class);
    private static final long serialVersionUID = 1;

    private transient ValueState<Spend> spend;

    @Override
    public void open(OpenContext context) {
        spend = getRuntimeContext().getState(SPEND);
    }

    @Override
    public void processElement(Event purchase, Context context, Collector<Void> out) throws Exception {
        Spend known = spend.value();
        spend.update((known == null ? new Spend() : known).add(purchase));
    }
}
