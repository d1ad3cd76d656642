"""`python -m proxy`: the same as the `ordergate` command."""

from proxy.cli.main import main

main()
