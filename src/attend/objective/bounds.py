"""Lower bounds of log p(x), with the count summed out exactly.

Given the continuous latents of one unrolled pass there are only N + 1 possible scenes, and the pass has already
computed what each of them needs.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.p import Generative
from attend.q import Cell, Trace, unroll


def per_count(values: Float[Array, " t"], first: Float[Array, ""] | float = 0.0) -> Float[Array, " n"]:
    """The sum of a per-step quantity over the objects of a scene of n = 0..N objects, and of what comes `first`."""
    return jnp.concatenate([jnp.zeros(1), jnp.cumsum(values)]) + first


def local_expectation(trace: Trace, reached: Float[Array, " t"]) -> Float[Array, ""]:
    """What has the gradient of the probabilities of categories, given P(n >= t) (Titsias and Lazaro-Gredilla 2015,
    "Local Expectation Gradients for Black Box Variational Inference").

    At each step every category is painted, and their likelihoods are weighted with q. For a single object that is the
    exact sum over categories; for several it leaves out how a category changes what later steps do.
    """
    return jnp.sum(reached * jnp.sum(trace.choice_probs * trace.choice_values, axis=1))


def elbo(
    p: Generative, trace: Trace, image: Float[Array, "h w c"], log_p_count: Float[Array, " n"]
) -> Float[Array, ""]:
    """The paper's eq. 2 for one image and one pass, in nats, the expectation over n taken exactly.

    sum_n q(n|x) [log p(x|canvas_n) + log p(n) - log q(n|x) - sum_{t<=n} KL_t].

    Where `what` has a category, the gradient of its probabilities is that of `local_expectation`.
    """
    log_q = trace.count_log_probs
    terms = count_bounds(p, trace, image, log_p_count) - log_q
    reached = jnp.cumsum(jnp.exp(log_q[:0:-1]))[::-1]  # P(n >= t)
    chosen = local_expectation(trace, jax.lax.stop_gradient(reached))
    return jnp.sum(jnp.exp(log_q) * terms) + chosen - jax.lax.stop_gradient(chosen)


def count_bounds(
    p: Generative, trace: Trace, image: Float[Array, "h w c"], log_p_count: Float[Array, " n"]
) -> Float[Array, " n"]:
    """log p(x|canvas_n) + log p(n) - sum_{t<=n} KL_t for n = 0..N, from one pass, in nats.

    The softmax is the q(n|x) with which `elbo` is the largest for what the pass has found.
    """
    return p.likelihood.log_prob(image, trace.canvases) + log_p_count - per_count(trace.kl, trace.backdrop_kl)


def count_terms(
    p: Generative, trace: Trace, image: Float[Array, "h w c"], log_p_count: Float[Array, " n"]
) -> Float[Array, " n"]:
    """log [p(x, n, z_1..n) / q(z_1..n | x)] for n = 0..N, from one pass, in nats.

    Its log-sum-exp is the log of an unbiased estimate of p(x); its softmax estimates the posterior over counts.
    """
    return (
        p.likelihood.log_prob(image, trace.canvases)
        + log_p_count
        - per_count(trace.log_ratio, trace.backdrop_log_ratio)
    )


def count_fit(trace: Trace, terms: Float[Array, " n"]) -> Float[Array, ""]:
    """Minus the cross-entropy of q(n|x) with the posterior over counts that a pass implies, given its `count_terms`.

    Its gradient is the wake phase's of Bornschein and Bengio 2015 ("Reweighted Wake-Sleep", section 2.3).
    """
    return jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(terms)) * trace.count_log_probs)


def importance_weighted_bound(
    p: Generative,
    q: Cell,
    image: Float[Array, "h w c"],
    log_p_count: Float[Array, " n"],
    key: PRNGKeyArray,
    samples: int,
) -> Float[Array, ""]:
    """The bound of Burda et al. 2016 ("Importance Weighted Autoencoders", eq. 8) from `samples` passes, in nats."""

    def log_weight(key):
        return jax.nn.logsumexp(count_terms(p, unroll(p, q, image, key), image, log_p_count))

    return jax.nn.logsumexp(jax.lax.map(log_weight, jax.random.split(key, samples))) - jnp.log(samples)
