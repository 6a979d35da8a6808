"""Networks trained on tables with annotations removed, and their measurement on images with all annotations."""

from collections.abc import Mapping, Sequence

from cxrfactory.studies.study import OUT, Context, Step

LABELS, MEASURED = "labels", "measured"
# Of the small size: fewer than elsewhere for the landmark network, since these studies train up to 18 networks; more
# for UNet-HT, which finds hearts late (Dice on JSRT after 60 epochs 0.75, after 200 0.95).
SMALL_EPOCHS = {"hybridgnet": 120, "unet-ht": 200}
FULL_EPOCHS = 2000


def train_and_measure(
    context: Context,
    graph: str,
    networks: Mapping[str, str],
    tables: Mapping[str, str],
    truths: Mapping[str, Sequence[str]],
) -> list[Step]:
    """Return the steps that train every network on every table of the step ``labels``, and measure them.

    Parameters
    ----------
    context
        What the steps are made for.
    graph
        Landmark graph of the networks.
    networks
        End of the table's name by network: empty, or ``-naive`` for a network that gives each pixel to one organ and
        takes organs without annotation for background.
    tables
        Name of the table by protocol; a step is named ``NETWORK-PROTOCOL``.
    truths
        Protocols by the table ``truth-NAME`` that their networks are measured on.

    Returns
    -------
    The trainings, and the step ``measured`` with a folder for each truth.
    """
    shared = (f"--graph={graph}", f"--input-size={context.side(64, 1024)}")
    trained = []
    for protocol, stem in tables.items():
        for network, naive in networks.items():
            own = SMALL_EPOCHS.get(network) if context.small else None
            epochs = own or context.network_epochs(network, FULL_EPOCHS)
            outputs = ("--outputs=softmax",) if naive else ()
            options = (f"--segmenter={network}", f"--epochs={epochs}", *shared, *outputs)
            table = f"{{{LABELS}}}/{stem}{naive}.parquet"
            trained.append(context.train(f"{network}-{protocol}", *options, labelled=[table], needs=(LABELS,)))
    commands = tuple(
        (
            "evaluate-model",
            f"--labelled={{{LABELS}}}/truth-{truth}.parquet",
            *(f"--weights={{{network}-{each}}}/weights.safetensors" for each in protocols for network in networks),
            f"--output={OUT}/{truth}",
            f"--device={context.settings.device}",
            f"--seed={context.settings.seed}",
        )
        for truth, protocols in truths.items()
    )
    return [*trained, Step(MEASURED, commands, needs=(LABELS, *(each.name for each in trained)))]
