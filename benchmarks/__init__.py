"""What the performance claims rest on: `python -m benchmarks [cold|cpu|round_trips|flat]`.

Nothing is compared with a number from another run or another machine, except where a claim itself is in milliseconds:
what is set beside each other is measured in turns in one run, and a ratio is the median of the turns' own ratios.
"""
