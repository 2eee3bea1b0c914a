package peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import peers.job.Alert;
import peers.job.Customer;
import peers.job.Event;

/** The job `full`: events change a customer, and at timers it is looked at if nothing happens. */
final class Full extends KeyedProcessFunction<String, Event, Alert> {
    static final ValueStateDescriptor<Customer> CUSTOMER =
            new ValueStateDescriptor<>("customer", Customer.class);
    private static final long serialVersionUID = 1;

    private transient ValueState<Customer> state;

    @Override
    public void open(OpenContext context) {
        state = getRuntimeContext().getState(CUSTOMER);
    }

    @Override
    public void processElement(Event event, Context context, Collector<Alert> out) throws Exception {
        Customer known = state.value();
        Customer customer = known == null ? new Customer() : known;
        customer.settle(event.customer, context.timerService().currentWatermark(), out::collect);
        customer.add(event, context.timestamp());
        state.update(customer);
        if (event.kind == Event.Kind.CONTACT) {
            context.timerService().registerEventTimeTimer(context.timestamp() + Customer.QUIET_MS);
        }
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<Alert> out) throws Exception {
        long passed = context.timerService().currentWatermark();
        if (passed == Long.MAX_VALUE) {
            return; // no time has passed, the topics have ended
        }
        Customer customer = state.value();
        customer.settle(context.getCurrentKey(), passed, out::collect);
        state.update(customer);
    }
}
