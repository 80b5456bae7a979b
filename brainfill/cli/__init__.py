"""The command line. The only place that reads arguments and the clock and writes to the terminal."""
