"""The table of attacks: one module a group."""

from __future__ import annotations

from attacks.case import Group
from attacks.cases import (
    configs,
    crowds,
    decisions,
    deliveries,
    inherited,
    links,
    names,
    options,
    owners,
    prompts,
    races,
    redirects,
    replaced,
    vanished,
)

GROUPS: tuple[Group, ...] = (
    names.GROUP,
    prompts.GROUP,
    configs.GROUP,
    redirects.GROUP,
    links.GROUP,
    owners.GROUP,
    deliveries.GROUP,
    replaced.GROUP,
    decisions.GROUP,
    vanished.GROUP,
    inherited.GROUP,
    options.GROUP,
    crowds.GROUP,
    races.GROUP,
)
