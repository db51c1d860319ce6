import gc

__version__ = "0.1.0"

# Importing makes objects by the ten thousand and drops next to none: at its usual threshold of 700 the collector looks
# through them again and again, a twentieth of a cold start. Cycles left behind by requests wait a little longer.
gc.set_threshold(50_000)
