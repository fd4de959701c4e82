"""The parts of the command line that the benchmarks share."""

import argparse
import sys


def names_of(kind, known):
    """Parses a list of known names of a kind, for argparse."""

    def names(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"unknown {kind} '{name}'; use {', '.join(known)}")
        return chosen

    return names


def say(text):
    """Shows progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)
