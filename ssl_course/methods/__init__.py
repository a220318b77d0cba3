"""One file per method. Each is an nn.Module with `encoder`, `views`, `forward` and, where it needs it, `after_step`."""

from ssl_course.methods.autoencoder import Autoencoder, VariationalAutoencoder
from ssl_course.methods.barlow_twins import BarlowTwins
from ssl_course.methods.byol import BYOL
from ssl_course.methods.cutpaste import CutPaste
from ssl_course.methods.dino import DINO
from ssl_course.methods.ijepa import IJEPA
from ssl_course.methods.inpainting import Inpainting
from ssl_course.methods.jigsaw import Jigsaw
from ssl_course.methods.lejepa import LeJEPA
from ssl_course.methods.mae import MAE
from ssl_course.methods.moco import MoCo
from ssl_course.methods.rotation import Rotation
from ssl_course.methods.simclr import SimCLR
from ssl_course.methods.simsiam import SimSiam
from ssl_course.methods.supervised import Supervised
from ssl_course.methods.triplet import Triplet
from ssl_course.methods.vicreg import VICReg

METHODS = {  # by the name on the command line, in the order of the lessons
    "rotation": Rotation,
    "jigsaw": Jigsaw,
    "inpainting": Inpainting,
    "autoencoder": Autoencoder,
    "vae": VariationalAutoencoder,
    "triplet": Triplet,
    "simclr": SimCLR,
    "moco": MoCo,
    "byol": BYOL,
    "simsiam": SimSiam,
    "barlow_twins": BarlowTwins,
    "vicreg": VICReg,
    "mae": MAE,
}
OF_PART_II = {"dino": DINO, "ijepa": IJEPA, "lejepa": LeJEPA}  # not in the tables of lesson 07
ALL = METHODS | OF_PART_II  # that train on pictures by a recipe

__all__ = ["ALL", "METHODS", "OF_PART_II", "CutPaste", "Supervised", *(method.__name__ for method in ALL.values())]
