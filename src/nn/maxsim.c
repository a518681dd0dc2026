/* A query is turned so that the products of one document row with all its rows go side by side. */
#include "nn/maxsim.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const double EMPTY_DOCUMENT = -1e9;

void maxsim_turn(const float *rows, int n, int width, float *turned)
{
    for (int k = 0; k < width; k++)
        for (int i = 0; i < n; i++)
            turned[(size_t)k * (size_t)n + (size_t)i] = rows[(size_t)i * (size_t)width + (size_t)k];
}

double maxsim(const float *query, int n_query, const float *document, int n_rows, int width,
              float *work)
{
    float *most = work, *products = work + n_query;
    double sum = 0;
    if (n_rows == 0)
        return EMPTY_DOCUMENT;
    for (int i = 0; i < n_query; i++)
        most[i] = -INFINITY;
    for (int j = 0; j < n_rows; j++) {
        const float *row = document + (size_t)j * (size_t)width;
        memset(products, 0, (size_t)n_query * sizeof *products);
        for (int k = 0; k < width; k++)
            for (int i = 0; i < n_query; i++)
                products[i] += row[k] * query[(size_t)k * (size_t)n_query + (size_t)i];
        for (int i = 0; i < n_query; i++)
            most[i] = products[i] > most[i] ? products[i] : most[i];
    }
    for (int i = 0; i < n_query; i++)
        sum += most[i];
    return sum;
}
