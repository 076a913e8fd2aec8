"""The commands as one types them: options, help, and what is printed. A module for each kind.

Only these and ``cli`` import click. A command is a row of ``cli.COMMANDS``, by which its module is
imported only when it is called.
"""
