"""The product ``results/hearts``: meshes of hearts from cardiac MR."""
