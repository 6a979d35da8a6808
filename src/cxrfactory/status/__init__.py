"""How far a product is, and whether what stands of it is whole: reads the results, writes nothing."""
