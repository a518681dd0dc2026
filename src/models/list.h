/* The architectures, by name: X(name) with `const architecture architecture_<name>`. */
X(albert)
X(bert)
X(camembert)
X(distilbert)
X(electra)
X(mpnet)
X(roberta)
X(xlm_roberta)
