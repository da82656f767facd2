"""What all tests need of the process they run in."""

import signal

# A job that was started in the background begins with SIGINT ignored, and Python leaves it so;
# tests of Ctrl-C need the handler that a terminal gives.
signal.signal(signal.SIGINT, signal.default_int_handler)
