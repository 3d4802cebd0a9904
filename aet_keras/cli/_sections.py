"""How does the help of a command with many options stay readable?"""

from typing import Any

import click


class SectionedOption(click.Option):
    """An option that stands under a heading of its own in the help.

    Args:
        section: str. The heading.
    """

    def __init__(self, *declarations: Any, section: str, **settings: Any):
        super().__init__(*declarations, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """Lists its options by their headings; those without one come first."""

    def format_options(self, ctx, formatter):
        rows: dict[str, list] = {"Options": []}
        for option in self.get_params(ctx):
            if isinstance(option, click.Option):
                section = getattr(option, "section", "Options")
                record = option.get_help_record(ctx)
                rows.setdefault(section, []).append(record)
        for section, records in rows.items():
            with formatter.section(section):
                formatter.write_dl(records)
