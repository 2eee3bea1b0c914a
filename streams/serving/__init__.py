"""What every web server of ours keeps to when it can be reached from other machines.

TLS or a proxy, a token that nobody guesses, and how often it may be wrong. Knows neither Kafka nor settings,
so the sandbox, which stands for somebody else's program, keeps to it too.
"""
