"""Find the objects in images with the machines of a Ray cluster, to the same result as on one machine.

The images are cut into parts. Whoever looks at a part writes its tables, whole or not at all, under the number of the
part. So a part is done exactly if its tables are there, whatever died meanwhile.
"""

from attend.distributed.driver import look_over_cluster
from attend.distributed.ray_cluster import LOCAL

__all__ = ["LOCAL", "look_over_cluster"]
