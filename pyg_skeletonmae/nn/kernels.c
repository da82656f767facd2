/* A linear map, a batch norm in training and a leaky ReLU, forward and backward.
 *
 * The map is optional. Rows pass in blocks that fit the first cache: what the map gives is summed
 * up while it is there, and its gradient is never written to memory.
 *
 * Sums run over the rows of a block, channel by channel, in their order, and then over blocks, in
 * double precision; gradients of matrices over the blocks of a group, then over groups. Neither the
 * number of threads nor where a buffer begins changes that, so equal input gives equal bits. The
 * variance is that of Chan, Golub and LeVeque (1979): squared deviations from the mean of each
 * block, and of the means of blocks.
 *
 * Names: u = matrix x, z = (u - mean) * scale + bias, y = z > 0 ? z : slope * z; g is the gradient
 * of y. Rows lie one after the other; `matrix` has a row for each channel of u.
 */
#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDTH 16
#define ACROSS 4
#elif defined(__AVX__)
#define WIDTH 8
#define ACROSS 2
#else
#define WIDTH 4
#define ACROSS 4
#endif
#define DOWN 4
#define STACKED 4096 /* the numbers of a block: 16 KiB */
#define GROUPS 16
#define EACH _Pragma("GCC unroll 4") for

typedef float vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int mask __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

static inline vec load(const float *from) { return *(const vec *)from; }
static inline void store(float *to, vec value) { *(vec *)to = value; }
static inline long least(long a, long b) { return a < b ? a : b; }

static long rows_of_block(long channels) {
    return channels * 16 > STACKED ? 16 : STACKED / channels / DOWN * DOWN;
}

static long count_blocks(long rows, long channels) {
    long step = rows_of_block(channels);
    return (rows + step - 1) / step;
}

/* The numbers of room that the functions below need, the first for both, each for itself. */
long room_forward(long rows, long channels) {
    return (2 * count_blocks(rows, channels) + 1) * channels;
}

long room_backward(long rows, long inputs, long channels) {
    long own = inputs ? inputs + rows_of_block(channels) : 0;
    return (3 * count_blocks(rows, channels) + 3 + GROUPS * own) * channels;
}

/* to[i, j] += sum over k of a[i, k] * b[k, j], of `down` rows i and `across` vectors j, which stay
 * in registers. A step from one i to the next is `row` numbers in a, from one k to the next `next`.
 */
__attribute__((always_inline)) static inline void tile(
    const float *a, long row, long next, const float *b, long columns, long count, float *to,
    const int down, const int across, const int add) {
    vec sums[DOWN][ACROSS];
    EACH (int i = 0; i < down; i++)
        EACH (int j = 0; j < across; j++)
            sums[i][j] = add ? load(to + i * columns + j * WIDTH) : (vec){0};
    for (long k = 0; k < count; k++) {
        vec own[ACROSS];
        EACH (int j = 0; j < across; j++) own[j] = load(b + k * columns + j * WIDTH);
        EACH (int i = 0; i < down; i++) {
            vec all = a[i * row + k * next] - (vec){0};
            EACH (int j = 0; j < across; j++) sums[i][j] += all * own[j];
        }
    }
    EACH (int i = 0; i < down; i++)
        EACH (int j = 0; j < across; j++) store(to + i * columns + j * WIDTH, sums[i][j]);
}

/* to[n, columns] = a b, or to += a b; columns a multiple of WIDTH. */
__attribute__((always_inline)) static inline void product(
    const float *a, long row, long next, const float *b, long columns, long count, float *to,
    long n, const int add) {
    long j = 0, i;
    for (; j + ACROSS * WIDTH <= columns; j += ACROSS * WIDTH) {
        for (i = 0; i + DOWN <= n; i += DOWN)
            tile(a + i * row, row, next, b + j, columns, count, to + i * columns + j, DOWN, ACROSS,
                 add);
        for (; i < n; i++)
            tile(a + i * row, row, next, b + j, columns, count, to + i * columns + j, 1, ACROSS,
                 add);
    }
    for (; j < columns; j += WIDTH)
        for (i = 0; i < n; i++)
            tile(a + i * row, row, next, b + j, columns, count, to + i * columns + j, 1, 1, add);
}

/* The mean of each channel of n rows, and the sum of squared deviations from it. */
static void moments(const float *x, long n, long channels, float *mean, float *squares) {
    long c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) {
        vec even = {0}, odd = {0};
        for (long r = 0; r < n; r += 2) {
            even += load(x + r * channels + c);
            if (r + 1 < n) odd += load(x + (r + 1) * channels + c);
        }
        vec centre = (even + odd) / (float)n;
        even = odd = (vec){0};
        for (long r = 0; r < n; r += 2) {
            vec d = load(x + r * channels + c) - centre;
            even += d * d;
            if (r + 1 < n) {
                d = load(x + (r + 1) * channels + c) - centre;
                odd += d * d;
            }
        }
        store(mean + c, centre);
        store(squares + c, even + odd);
    }
    for (; c < channels; c++) {
        float sum = 0, square = 0;
        for (long r = 0; r < n; r++) sum += x[r * channels + c];
        mean[c] = sum / (float)n;
        for (long r = 0; r < n; r++) {
            float d = x[r * channels + c] - mean[c];
            square += d * d;
        }
        squares[c] = square;
    }
}

/* The mean of all rows and 1 / sqrt(var + eps), from the moments of blocks; running statistics
 * move towards them by their rate, the variance as that of a sample. */
static void combine(const float *parts, long rows, long channels, float eps, float rate,
                    float *running_mean, float *running_var, float *mean, float *inverse) {
    long step = rows_of_block(channels), blocks = count_blocks(rows, channels);
    for (long c = 0; c < channels; c++) {
        double sum = 0, squares = 0;
        for (long b = 0; b < blocks; b++)
            sum += (double)parts[2 * b * channels + c] * (double)least(step, rows - b * step);
        double centre = sum / (double)rows;
        for (long b = 0; b < blocks; b++) {
            double d = (double)parts[2 * b * channels + c] - centre;
            squares += (double)parts[(2 * b + 1) * channels + c];
            squares += d * d * (double)least(step, rows - b * step);
        }
        mean[c] = (float)centre;
        inverse[c] = (float)(1 / sqrt(squares / (double)rows + (double)eps));
        running_mean[c] += rate * ((float)centre - running_mean[c]);
        running_var[c] += rate * ((float)(squares / (double)(rows - 1)) - running_var[c]);
    }
}

/* y of one row. */
static void activate(const float *restrict u, long channels, const float *restrict mean,
                     const float *restrict scale, const float *restrict bias, float slope,
                     float *restrict y) {
    for (long c = 0; c < channels; c++) {
        float z = (u[c] - mean[c]) * scale[c] + bias[c];
        y[c] = z > 0 ? z : slope * z;
    }
}

/* y of all rows of x, and u, of which `found` keeps the mean and 1 / sqrt(var + eps).
 * `turned` is the matrix with a row for each input; without one `inputs` is 0 and u is x. */
void norm_act(const float *x, const float *turned, long rows, long inputs, long channels,
              const float *weight, const float *bias, float slope, float eps, float rate,
              float *running_mean, float *running_var, float *room, float *found, float *u,
              float *y, int threads) {
    long step = rows_of_block(channels), blocks = count_blocks(rows, channels);
    float *mean = found, *inverse = found + channels, *scale = room, *parts = room + channels;
#pragma omp parallel for num_threads(threads) if (threads > 1 && blocks > 1)
    for (long b = 0; b < blocks; b++) {
        long first = b * step, n = least(step, rows - first);
        float *own = u + first * channels, *part = parts + 2 * b * channels;
        if (inputs) product(x + first * inputs, inputs, 1, turned, channels, inputs, own, n, 0);
        moments(own, n, channels, part, part + channels);
    }
    combine(parts, rows, channels, eps, rate, running_mean, running_var, mean, inverse);
    for (long c = 0; c < channels; c++) scale[c] = weight[c] * inverse[c];
#pragma omp parallel for num_threads(threads) if (threads > 1 && blocks > 1)
    for (long r = 0; r < rows; r++)
        activate(u + r * channels, channels, mean, scale, bias, slope, y + r * channels);
}

/* Sums over n rows, by channel: of the gradient of z, of it times u - mean, of g * z below 0. */
static void gradient_sums(const float *u, const float *g, long n, long channels, const float *mean,
                          const float *scale, const float *bias, float slope, float *sums) {
    long c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) {
        vec centre = load(mean + c), factor = load(scale + c), shift = load(bias + c);
        vec plain = {0}, scaled = {0}, below = {0};
        for (long r = 0; r < n; r++) {
            vec d = load(u + r * channels + c) - centre, own = load(g + r * channels + c);
            vec z = d * factor + shift, slow = own * slope, part = own * z;
            mask up = z > (vec){0};
            below += (vec)((mask)part & ~up);
            vec of_z = (vec)(((mask)own & up) | ((mask)slow & ~up));
            plain += of_z;
            scaled += of_z * d;
        }
        store(sums + c, plain);
        store(sums + channels + c, scaled);
        store(sums + 2 * channels + c, below);
    }
    for (; c < channels; c++) {
        float plain = 0, scaled = 0, below = 0;
        for (long r = 0; r < n; r++) {
            float d = u[r * channels + c] - mean[c], own = g[r * channels + c];
            float z = d * scale[c] + bias[c];
            if (!(z > 0)) {
                below += own * z;
                own *= slope;
            }
            plain += own;
            scaled += own * d;
        }
        sums[c] = plain;
        sums[channels + c] = scaled;
        sums[2 * channels + c] = below;
    }
}

/* The gradient of one row of u; `first` and `second` are means over rows, see below. */
static void gradient(const float *restrict u, const float *restrict g, long channels,
                     const float *restrict mean, const float *restrict scale,
                     const float *restrict bias, float slope, const float *restrict first,
                     const float *restrict second, float *restrict of_u) {
    for (long c = 0; c < channels; c++) {
        float d = u[c] - mean[c];
        float of_z = d * scale[c] + bias[c] > 0 ? g[c] : slope * g[c];
        of_u[c] = scale[c] * (of_z - first[c] - d * second[c]);
    }
}

/* The gradients of x and of the matrix, and of weight, bias and slope, side by side in `of_rest`.
 * Without a matrix `inputs` is 0 and u is x. */
void norm_act_backward(const float *x, const float *u, const float *g, const float *matrix,
                       long rows, long inputs, long channels, const float *weight,
                       const float *bias, float slope, const float *found, float *room,
                       float *of_x, float *of_matrix, float *of_rest, int threads) {
    long step = rows_of_block(channels), blocks = count_blocks(rows, channels);
    const float *mean = found, *inverse = found + channels;
    float *scale = room, *first = scale + channels, *second = first + channels;
    float *parts = second + channels;
    for (long c = 0; c < channels; c++) scale[c] = weight[c] * inverse[c];
#pragma omp parallel for num_threads(threads) if (threads > 1 && blocks > 1)
    for (long b = 0; b < blocks; b++) {
        long at = b * step * channels;
        gradient_sums(u + at, g + at, least(step, rows - b * step), channels, mean, scale, bias,
                      slope, parts + 3 * b * channels);
    }
    double below = 0;
    for (long c = 0; c < channels; c++) {
        double plain = 0, scaled = 0;
        for (long b = 0; b < blocks; b++) {
            const float *own = parts + 3 * b * channels + c;
            plain += (double)own[0];
            scaled += (double)own[channels];
            below += (double)own[2 * channels];
        }
        of_rest[c] = (float)(scaled * inverse[c]);
        of_rest[channels + c] = (float)plain;
        first[c] = (float)(plain / (double)rows);
        second[c] = (float)(scaled * inverse[c] * inverse[c] / (double)rows);
    }
    of_rest[2 * channels] = (float)below;
    float *matrices = parts + 3 * blocks * channels;
    float *of_us = matrices + GROUPS * inputs * channels;
    long each = (blocks + GROUPS - 1) / GROUPS;
#pragma omp parallel for num_threads(threads) if (threads > 1 && blocks > 1)
    for (long group = 0; group < GROUPS; group++) {
        float *of_u = of_us + group * step * channels;
        float *own = matrices + group * inputs * channels;
        if (inputs) memset(own, 0, sizeof(float) * inputs * channels);
        for (long b = group * each; b < least(blocks, (group + 1) * each); b++) {
            long at = b * step, n = least(step, rows - at);
            float *to = inputs ? of_u : of_x + at * channels;
            for (long r = 0; r < n; r++) {
                long i = (at + r) * channels;
                gradient(u + i, g + i, channels, mean, scale, bias, slope, first, second,
                         to + r * channels);
            }
            if (!inputs) continue;
            product(of_u, channels, 1, matrix, inputs, channels, of_x + at * inputs, n, 0);
            product(of_u, 1, channels, x + at * inputs, inputs, n, own, channels, 1);
        }
    }
    if (inputs) memset(of_matrix, 0, sizeof(float) * inputs * channels);
    for (long group = 0; inputs && group < GROUPS; group++)
        for (long i = 0; i < inputs * channels; i++)
            of_matrix[i] += matrices[group * inputs * channels + i];
}
