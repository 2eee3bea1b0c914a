"""What the commands beside a worker do: publish, redrive, read alerts, export and import state, ask workers.

Imports `kafka`, `startup`, the records of `partition` and the answers of `http`. Only `commands` and the demo
import it.
"""
