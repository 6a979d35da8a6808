"""The agreements of a network's answers, in a module of its own that command lines can import quickly."""

# Fields of the column evidence of a landmark shard, in their order (models/evidence.py says what each means).
AGREEMENTS = ("dense_dice", "soft_dice", "start_dice", "shape_dice")
