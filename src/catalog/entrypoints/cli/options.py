"""Options that several commands have."""

import rich_click as click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
if_version = click.option("--if-version", type=click.IntRange(1), help="Only when it has this version still.")
