"""Spares a second of every run of Snakemake, and changes nothing that it does.

To see whether the params of a rule hold data frames Snakemake imports pandas and polars, here for
nothing. Where another version names things otherwise, its own way stays; a test watches the imports.
"""

import gc

from snakemake.iocontainers import Params, Snakemake
from snakemake.persistence import PersistenceBase


def is_plain(value):
    """Tell whether a parameter is surely no data frame."""
    return value is None or isinstance(
        value, (bool, int, float, str, list, tuple, dict, set)
    )


def serialize_param(persistence, value):
    """Write a parameter for comparison with the last run."""
    if is_plain(value):
        return persistence._serialize_param_builtin(value)
    return persistence._serialize_param_pandas(value)


def safely_store_params(script, params):
    """Keep the params of a script; only data frames have to become dictionaries first."""
    if not all(map(is_plain, params)):
        return store_params_of_any_type(script, params)
    script._params_store, script._params_types = Params(toclone=list(params)), {}
    script._params_store._take_names(params._get_names())


if hasattr(PersistenceBase, "_serialize_param_builtin"):
    PersistenceBase._serialize_param = serialize_param
if store_params_of_any_type := getattr(Snakemake, "_safely_store_params", None):
    Snakemake._safely_store_params = safely_store_params

# What has been imported stays to the end; looking for garbage among it takes a quarter of a second.
gc.freeze()
