"""The pricing models: what each charges, and that each is listed."""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path

import pytest

import meter.rating.models
from meter.rating.charge import Measured
from meter.rating.models import MODELS, dynamic, flat, per_unit
from meter.rating.price import model_named
from meter.rating.table import BookError, Table

FOLDER = Path(meter.rating.models.__file__).parent


@pytest.mark.parametrize(
    ("quantity", "unit_amount", "per", "divisor", "exact"),
    [
        ("6548", "0.015", "1000", "1", "0.09822"),
        ("108", "0.045", "1000", "1", "0.00486"),
        ("10", "5.12345", "1", "1", "51.2345"),  # lago-std-01
        ("10", "10", "1", "1", "100"),  # lago-std-02
        ("125840", "0.01", "1", "1", "1258.4"),
        ("0", "0.01", "1", "1", "0"),
        ("1", "0.05", "1", "3600", "0.0000138888888888888888888888888888888889"),
        ("3600", "0.05", "1", "3600", "0.05"),
        ("1e18", "1e-12", "1", "1", "1000000"),
        ("999999999999999999.000000000001", "0.000000000001", "1", "1", "999999.999999999999000000000001"),
        ("0.000000000001", "0.000000000001", "1000000", "1", "0.000000000000000000000000000001"),
    ],
)
def test_per_unit(quantity: str, unit_amount: str, per: str, divisor: str, exact: str) -> None:
    """Quantity times price over per and divisor, exact to the last digit."""
    terms = per_unit.Terms(unit_amount=Decimal(unit_amount), per=Decimal(per))
    charge = per_unit.price(terms, Measured(Decimal(quantity), Decimal(divisor)))
    assert charge.exact == Decimal(exact)
    assert (charge.unit_amount, charge.per) == (terms.unit_amount, terms.per)
    assert charge.parts[0].amount == Decimal(exact)


@pytest.mark.parametrize(("periods", "of", "exact"), [("1", "1", "29.99"), ("0", "1", "0"), ("15", "30", "14.995")])
def test_flat(periods: str, of: str, exact: str) -> None:
    """The fee once per period, or the stated part of one."""
    charge = flat.price(flat.Terms(unit_amount=Decimal("29.99")), Measured(Decimal(periods), Decimal(of)))
    assert charge.exact == Decimal(exact)


def test_every_module_with_a_price_function_is_listed() -> None:
    """MODELS names each model file of the folder, and nothing else."""
    plugins = {
        path.stem
        for path in FOLDER.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "price"
    }
    assert plugins == {str(model.__name__).rpartition(".")[2] for model in MODELS if hasattr(model, "__name__")}
    assert len(MODELS) == len(plugins)


def test_models_are_found_by_name() -> None:
    """Each name leads to its module; names differ."""
    assert len({model.NAME for model in MODELS}) == len(MODELS)
    assert all(model_named(model.NAME) is model for model in MODELS)


@pytest.mark.parametrize("model", [model for model in MODELS if model is not dynamic])  # which needs none
def test_models_refuse_a_table_without_their_fields(model: meter.rating.charge.Model) -> None:
    """A model reads its own fields and says which is missing."""
    with pytest.raises(BookError, match=r"\b(unit_amount|tiers|rates|percent): is missing"):
        model.read(Table("x.toml", "plans.p.prices.q", {}))
