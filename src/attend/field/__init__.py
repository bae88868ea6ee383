"""q of a field of many objects: a convolutional network that says of each pixel what object it is of."""

from attend.field.blocks import Said, look
from attend.field.instances import SMALLEST, Instances, chosen, covered, instances, renumbered
from attend.field.network import REACH, FieldNetwork, Outputs
from attend.field.sleep import Example, sleep
from attend.field.universal import from_arrays, to_arrays, universal, universal_dreams

__all__ = [
    "REACH",
    "SMALLEST",
    "Example",
    "FieldNetwork",
    "Instances",
    "Outputs",
    "Said",
    "chosen",
    "covered",
    "from_arrays",
    "instances",
    "look",
    "renumbered",
    "sleep",
    "to_arrays",
    "universal",
    "universal_dreams",
]
