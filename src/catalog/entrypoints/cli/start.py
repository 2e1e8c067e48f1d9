"""The program `catalog`. It imports the commands only after it has decided what Ctrl-C does meanwhile."""

import signal


def main() -> None:
    """Run the command line.

    While it is loaded, Ctrl-C ends the process at once: an interrupted import prints a traceback, or goes unnoticed if the code
    that it interrupts ignores exceptions.
    """
    is_handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # and not ignored, as in a background job
    if is_handled:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from catalog.entrypoints.cli.main import main as run  # noqa: PLC0415 - see above

    if is_handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
