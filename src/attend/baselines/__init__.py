"""What the paper compares with: models without objects, networks that are told the answers, and inference
anew for each image.

import jax
from attend.baselines import Draw, elbo_loss, fit_baseline

draw = fit_baseline(Draw((50, 50, 1), key=jax.random.key(0)), elbo_loss, data.images, steps=5000)
codes, reconstructions = draw.code(data.images), draw.reconstruct(data.images)
"""

from attend.baselines.autoencoder import Autoencoder, autoencoder_loss
from attend.baselines.draw import Draw
from attend.baselines.per_image import Fit, mcmc, optimise
from attend.baselines.supervised import (
    Classifier,
    LabelledScenes,
    SceneNet,
    classifier_loss,
    scene_loss,
    scene_targets,
)
from attend.baselines.training import elbo_loss, fit_baseline
from attend.baselines.vae import VAE

__all__ = [
    "VAE",
    "Autoencoder",
    "Classifier",
    "Draw",
    "Fit",
    "LabelledScenes",
    "SceneNet",
    "autoencoder_loss",
    "classifier_loss",
    "elbo_loss",
    "fit_baseline",
    "mcmc",
    "optimise",
    "scene_loss",
    "scene_targets",
]
