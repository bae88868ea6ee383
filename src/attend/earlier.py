"""Configurations as earlier versions stored them: two flat lists, of the model's settings and of its training's."""

from collections.abc import Mapping
from typing import Any

PRICE = 13.8
"""Minus the `count_log_odds_end` that a training had if nothing else was said."""

EARLIER: dict[str, tuple[str, ...]] = {
    "model": (
        *("cell_widths", "saliency", "what", "scale", "scale_sd", "scale_reach", "place_sd"),
        *("pixel_sd", "pixel_covariance", "pixel_dof", "pixel_dof_parts", "decoder_widths", "decoder_bias"),
        *("background_code", "background_scale", "background_corrections"),
    ),
    "train": (
        *("samples", "baseline_learning_rate", "count_log_odds_end", "corrections_from", "corrections_anneal_steps"),
    ),
}
"""Settings that stood in a section and now belong to an entry, or have another name."""


def is_earlier(values: Mapping[str, Any]) -> bool:
    """Whether a stored configuration is of an earlier version."""
    sections = {name: given for name, given in values.items() if isinstance(given, Mapping)}
    return any(name in EARLIER[section] for section, given in sections.items() for name in given)


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `Config.advised` makes of one the configuration that it means.

    A setting of an entry that was not chosen meant nothing, and is left out there.
    """
    model, train = dict(values.get("model", {})), dict(values.get("train", {}))
    price = train.pop("count_log_odds_end", -PRICE)
    if model.get("count", "presence") == "presence":  # what a count costs had no meaning but in training
        model["count_price"] = -price if isinstance(price, int | float) else price
    else:
        model.setdefault("count_price", 0.0)
    dof = model.get("pixel_dof", 0.0)
    model["likelihood"] = "student" if isinstance(dof, int | float) and dof > 0 else "gaussian"
    if "background_scale" in model:
        model["background_coarseness"] = model.pop("background_scale")
    return model | train


def two_prices(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """Nats that an object cost in training and in counting, if a stored configuration has them apart."""
    model, train = values.get("model", {}), values.get("train", {})
    if not is_earlier(values) or model.get("count") != "posterior":
        return None
    trained, counted = -train.get("count_log_odds_end", -PRICE), model.get("count_price", 0.0)
    return None if trained == counted else (trained, counted)
