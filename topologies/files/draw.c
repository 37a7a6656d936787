/*
 * draw: makes the two pictures that the topologies send.
 *
 *	draw FOLDER	writes FOLDER/1.png and FOLDER/2.png
 *
 * 1.png is the lab itself at night, 2.png a test card. They are meant to be
 * damaged: hardly a byte of them is anything but compressed image data in
 * several IDAT chunks, an error in which spoils all that follows, and there is
 * structure everywhere for the eye to miss. Everything is integer
 * arithmetic, so every machine draws the same pixels.
 *
 * A scene is a function from a point to a colour. Points are in quarters of a
 * pixel: each pixel is the mean of the 16 in it, which is what makes edges smooth.
 */
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUB 4 /* points per pixel, each way */

/* Small, so that a picture has IDAT chunks of this many bytes and not just one. */
#define IDAT_BYTES 2048

struct rgb {
	int r, g, b; /* 0 to 255 */
};

struct point {
	int x, y; /* quarters of a pixel */
};

struct picture {
	const char *file;
	const char *title;
	int width, height;
	int step;    /* between shades: the coarser, the smaller the file */
	int filters; /* PNG_FILTER_NONE suits flat areas and repetition, the others gradients */
	struct rgb (*scene)(struct point p);
};

/* ---- colour ---- */

/* a for t <= 0, b for t >= max, in between in proportion. */
static struct rgb mix(struct rgb a, struct rgb b, int t, int max)
{
	if (t <= 0)
		return a;
	if (t >= max)
		return b;
	return (struct rgb){
		a.r + (b.r - a.r) * t / max,
		a.g + (b.g - a.g) * t / max,
		a.b + (b.b - a.b) * t / max,
	};
}

/* The same value for the same arguments, and no pattern that an eye could find. */
static uint32_t hash(int x, int y)
{
	uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u;

	h = (h ^ h >> 15) * 0x2c1b3c6du;
	h = (h ^ h >> 12) * 0x297a2d39u;
	return h ^ h >> 15;
}

/* 1024 * sin(2 pi a / 1024): Bhaskara's approximation, at most 2 away. */
static int sine(int a)
{
	int half = a & 511;
	int64_t p = (int64_t)half * (512 - half);
	int value = (int)(1024 * 4 * p / (5 * 512 * 512 / 4 - p));

	return (a & 512) != 0 ? -value : value;
}

/* ---- shapes; all lengths in quarters of a pixel ---- */

static int64_t square(int64_t v)
{
	return v * v;
}

static bool in_circle(struct point p, int x, int y, int radius)
{
	return square(p.x - x) + square(p.y - y) <= square(radius);
}

/* A box around (x, y), its corners rounded. */
static bool in_box(struct point p, int x, int y, int width, int height, int corner)
{
	int dx = abs(p.x - x) - width / 2 + corner, dy = abs(p.y - y) - height / 2 + corner;

	if (dx <= 0 || dy <= 0)
		return dx <= corner && dy <= corner;
	return square(dx) + square(dy) <= square(corner);
}

/* How far along the line from a to b the point is, in 1/1024; -1 when it is not on it. */
static int on_line(struct point p, struct point a, struct point b, int width)
{
	int64_t dx = b.x - a.x, dy = b.y - a.y;
	int64_t along = (p.x - a.x) * dx + (p.y - a.y) * dy;
	int64_t across = (p.x - a.x) * dy - (p.y - a.y) * dx;
	int64_t length2 = dx * dx + dy * dy;

	if (along < 0 || along > length2 || 4 * square(across) > square(width) * length2)
		return -1;
	return (int)(along * 1024 / length2);
}

/* ---- text ---- */

static const struct glyph {
	char c;
	uint8_t rows[8]; /* five bits each, the leftmost highest; the last row is below the line */
} font[] = {
	{ '-', { 0x00, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x00 } },
	{ '1', { 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e, 0x00 } },
	{ '2', { 0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f, 0x00 } },
	{ '3', { 0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e, 0x00 } },
	{ 'H', { 0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11, 0x00 } },
	{ 'a', { 0x00, 0x00, 0x0e, 0x01, 0x0f, 0x11, 0x0f, 0x00 } },
	{ 'b', { 0x10, 0x10, 0x1e, 0x11, 0x11, 0x11, 0x1e, 0x00 } },
	{ 'e', { 0x00, 0x00, 0x0e, 0x11, 0x1f, 0x10, 0x0e, 0x00 } },
	{ 'h', { 0x10, 0x10, 0x1e, 0x11, 0x11, 0x11, 0x11, 0x00 } },
	{ 'i', { 0x04, 0x00, 0x0c, 0x04, 0x04, 0x04, 0x0e, 0x00 } },
	{ 'l', { 0x0c, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e, 0x00 } },
	{ 'n', { 0x00, 0x00, 0x1e, 0x11, 0x11, 0x11, 0x11, 0x00 } },
	{ 'p', { 0x00, 0x00, 0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10 } },
	{ 'r', { 0x00, 0x00, 0x16, 0x19, 0x10, 0x10, 0x10, 0x00 } },
	{ 's', { 0x00, 0x00, 0x0f, 0x10, 0x0e, 0x01, 0x1e, 0x00 } },
	{ 'u', { 0x00, 0x00, 0x11, 0x11, 0x11, 0x13, 0x0d, 0x00 } },
};

static bool in_glyph(char c, int column, int row)
{
	for (size_t i = 0; i < sizeof(font) / sizeof(font[0]); i++)
		if (font[i].c == c)
			return column < 5 && (font[i].rows[row] >> (4 - column) & 1) != 0;
	return false;
}

/* Centred on x, its top at y, each dot of a letter `dot` wide. */
static bool in_text(struct point p, int x, int y, int dot, const char *text)
{
	int column = p.x - x + (int)strlen(text) * 6 * dot / 2;
	int row = p.y - y;

	if (column < 0 || row < 0 || row >= 8 * dot || column >= (int)strlen(text) * 6 * dot)
		return false;
	column /= dot;
	return in_glyph(text[column / 6], column % 6, row / dot);
}

/* ---- 1.png: the lab at night ---- */

#define LAB_WIDTH  264
#define LAB_HEIGHT 160
#define HORIZON	   (110 * SUB)

static const struct point hub = { 132 * SUB, 70 * SUB };
static const struct lab_node {
	struct point at;
	const char *name;
	struct rgb glow;
} nodes[] = {
	{ { 40 * SUB, 54 * SUB }, "alpine-1", { 255, 196, 84 } },
	{ { 224 * SUB, 30 * SUB }, "alpine-2", { 96, 220, 255 } },
	{ { 224 * SUB, 104 * SUB }, "alpine-3", { 150, 255, 150 } },
};
#define N_NODES (sizeof(nodes) / sizeof(nodes[0]))

static struct rgb sky(struct point p)
{
	static const struct rgb top = { 10, 14, 44 }, low = { 96, 52, 110 };
	struct rgb c = mix(top, low, p.y, HORIZON);
	int cell_x = p.x / (9 * SUB), cell_y = p.y / (9 * SUB);
	uint32_t h = hash(cell_x, cell_y);

	/* A star in every fifth cell, somewhere in it. */
	if (h % 5 == 0 &&
	    in_circle(p, (cell_x * 9 + 2 + (int)(h >> 8) % 6) * SUB,
		      (cell_y * 9 + 2 + (int)(h >> 16 & 255) % 6) * SUB, 2 + (int)(h >> 4) % 3))
		return mix(c, (struct rgb){ 255, 250, 230 }, 60 + (int)(h >> 24 & 127), 187);
	return c;
}

/* Two chains of hills, the far one paler. */
static bool in_hills(struct point p, int chain)
{
	int x = p.x / SUB + chain * 400;
	int height = sine(x * 3) + sine(x * 7 + 100) / 2 + sine(x * 17) / 5;

	return p.y >
	       HORIZON + (chain != 0 ? 40 : 0) - (height + 1700) * (chain != 0 ? 4 : 6) * SUB / 512;
}

/* A plain drawn in perspective: lines to the vanishing point and lines across. */
static struct rgb plain(struct point p)
{
	static const struct rgb far = { 70, 34, 96 }, near = { 14, 12, 40 };
	int depth = p.y - HORIZON + SUB * 4;
	struct rgb c = mix(far, near, depth, (LAB_HEIGHT * SUB - HORIZON));
	int across = 36 * SUB * 120 / depth % 40;
	int along = abs((p.x - hub.x) * 90 / depth) % 60;

	if (across < 4 || along < 4)
		return mix(c, (struct rgb){ 255, 90, 190 }, depth,
			   LAB_HEIGHT * SUB - HORIZON + 200);
	return c;
}

static struct rgb landscape(struct point p)
{
	if (p.y > HORIZON)
		return plain(p);
	if (in_hills(p, 1))
		return mix((struct rgb){ 30, 22, 58 }, (struct rgb){ 60, 36, 86 }, p.y, HORIZON);
	if (in_hills(p, 0))
		return mix((struct rgb){ 52, 38, 92 }, (struct rgb){ 92, 54, 116 }, p.y, HORIZON);
	return sky(p);
}

/* A cable with the datagrams on it. */
static bool draw_cable(struct point p, const struct lab_node *n, size_t i, struct rgb *c)
{
	int at = on_line(p, n->at, hub, 3 * SUB);

	if (at >= 0)
		*c = (struct rgb){ 120, 130, 170 };
	for (int d = 0; d < 4; d++) {
		int t = 350 + d * 115 + (int)i * 37;
		int x = n->at.x + (hub.x - n->at.x) * t / 1024;
		int y = n->at.y + (hub.y - n->at.y) * t / 1024;

		if (!in_box(p, x, y, 7 * SUB, 5 * SUB, SUB))
			continue;
		*c = d % 2 == 0 ? nodes[0].glow : (struct rgb){ 255, 255, 255 };
		return true;
	}
	return at >= 0;
}

/* What is on a screen: the picture that is being sent, in small. */
static struct rgb screen(struct point p, const struct lab_node *n)
{
	int x = (p.x - n->at.x) / SUB, y = (p.y - n->at.y) / SUB;
	int wave = sine(x * 20 + y * 9) + sine(y * 31 - x * 5);

	return mix((struct rgb){ 18, 26, 48 }, n->glow, wave + 2048, 4096);
}

static bool draw_computer(struct point p, const struct lab_node *n, struct rgb *c)
{
	int x = n->at.x, y = n->at.y;

	if (in_text(p, x, y + 27 * SUB, 5, n->name))
		*c = (struct rgb){ 240, 240, 255 };
	else if (in_box(p, x, y, 44 * SUB, 30 * SUB, 2 * SUB))
		*c = screen(p, n);
	else if (in_box(p, x, y, 52 * SUB, 38 * SUB, 4 * SUB))
		*c = mix((struct rgb){ 214, 220, 236 }, (struct rgb){ 120, 126, 160 },
			 p.y - y + 19 * SUB, 38 * SUB);
	else if (in_box(p, x, y + 21 * SUB, 10 * SUB, 8 * SUB, 0) ||
		 in_box(p, x, y + 24 * SUB, 30 * SUB, 3 * SUB, SUB))
		*c = (struct rgb){ 110, 116, 150 };
	else
		return false;
	return true;
}

static bool draw_hub(struct point p, struct rgb *c)
{
	int port = (p.x - hub.x + 24 * SUB) / (8 * SUB);

	if (in_text(p, hub.x, hub.y + 14 * SUB, 5, "Hub1"))
		*c = (struct rgb){ 240, 240, 255 };
	else if (port >= 0 && port < 6 &&
		 in_circle(p, hub.x + (port * 8 - 20) * SUB, hub.y + 2 * SUB, 2 * SUB))
		*c = port % 2 == 0 ? nodes[2].glow : (struct rgb){ 20, 60, 40 };
	else if (in_box(p, hub.x, hub.y, 60 * SUB, 20 * SUB, 3 * SUB))
		*c = mix((struct rgb){ 70, 96, 168 }, (struct rgb){ 28, 40, 92 },
			 p.y - hub.y + 10 * SUB, 20 * SUB);
	else
		return false;
	return true;
}

static struct rgb lab_scene(struct point p)
{
	struct rgb c;

	if (draw_hub(p, &c))
		return c;
	for (size_t i = 0; i < N_NODES; i++)
		if (draw_computer(p, &nodes[i], &c))
			return c;
	for (size_t i = 0; i < N_NODES; i++)
		if (draw_cable(p, &nodes[i], i, &c))
			return c;
	return landscape(p);
}

/* ---- 2.png: a test card ---- */

#define CARD_WIDTH  300
#define CARD_HEIGHT 240
#define CELL	    (20 * SUB)

static struct rgb plasma(struct point p)
{
	int x = p.x, y = p.y;
	int v = sine(x + sine(y * 2) / 6) + sine(y * 2 - x / 2) +
		sine((x + y) * 3 / 2 + sine(x) / 8);

	return (struct rgb){
		128 + sine(v / 2) * 120 / 1024,
		128 + sine(v / 2 + 340) * 110 / 1024,
		128 + sine(v / 3 + 680) * 120 / 1024,
	};
}

static struct rgb color_bar(struct point p)
{
	static const struct rgb bars[] = {
		{ 235, 235, 235 }, { 235, 225, 40 }, { 40, 220, 230 }, { 40, 210, 60 },
		{ 215, 50, 200 },  { 220, 40, 40 },  { 40, 60, 215 },  { 16, 16, 16 },
	};

	return bars[p.x * 8 / (CARD_WIDTH * SUB)];
}

/* Lines that get finer from left to right, until they are as wide as a pixel. */
static struct rgb wedge(struct point p)
{
	int period = 12 * SUB - (p.x / CELL) * 10 * SUB / 15;
	bool on = p.x % (period > 2 * SUB ? period : 2 * SUB) < period / 2;

	return on ? (struct rgb){ 236, 236, 236 } : (struct rgb){ 24, 24, 24 };
}

static struct rgb grid(struct point p)
{
	int x = p.x % CELL, y = p.y % CELL;
	bool even = (p.x / CELL + p.y / CELL) % 2 == 0;
	struct rgb c = mix((struct rgb){ 58, 66, 84 }, (struct rgb){ 92, 104, 128 }, p.y,
			   CARD_HEIGHT * SUB);

	if (x < SUB || y < SUB)
		return (struct rgb){ 225, 228, 235 };
	return even ? c : mix(c, (struct rgb){ 0, 0, 0 }, 1, 5);
}

static struct rgb card_scene(struct point p)
{
	int x = CARD_WIDTH / 2 * SUB, y = CARD_HEIGHT / 2 * SUB;

	if (in_box(p, x, y + 74 * SUB, 112 * SUB, 24 * SUB, 5 * SUB))
		return in_text(p, x + SUB, y + 66 * SUB, 8, "harness")
			       ? (struct rgb){ 255, 255, 255 }
			       : (struct rgb){ 16, 18, 26 };
	if (in_circle(p, x, y, 94 * SUB))
		return in_circle(p, x, y, 91 * SUB) ? plasma(p) : (struct rgb){ 250, 250, 250 };
	if (p.y < CELL)
		return color_bar(p);
	if (p.y >= CARD_HEIGHT * SUB - CELL)
		return wedge(p);
	return grid(p);
}

/* ---- to a file ---- */

static png_byte shade(int value, int step)
{
	return (png_byte)(value / step * step + step / 2);
}

static void draw_pixel(const struct picture *pic, int x, int y, png_byte *ret_rgb)
{
	struct rgb sum = { 0, 0, 0 };

	for (int i = 0; i < SUB * SUB; i++) {
		struct rgb c = pic->scene((struct point){ x * SUB + i % SUB, y * SUB + i / SUB });

		sum.r += c.r;
		sum.g += c.g;
		sum.b += c.b;
	}
	ret_rgb[0] = shade(sum.r / (SUB * SUB), pic->step);
	ret_rgb[1] = shade(sum.g / (SUB * SUB), pic->step);
	ret_rgb[2] = shade(sum.b / (SUB * SUB), pic->step);
}

/* libpng's own error handler prints and, without setjmp(), aborts: right for a tool of this size. */
static void write_picture(const struct picture *pic, FILE *out)
{
	png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_info *info = png != NULL ? png_create_info_struct(png) : NULL;
	png_byte *row = malloc((size_t)pic->width * 3);
	char key[] = "Title", title[64];
	png_text note = { .compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = title };

	if (info == NULL || row == NULL)
		abort();
	snprintf(title, sizeof(title), "%s", pic->title);
	png_init_io(png, out);
	png_set_IHDR(png, info, (png_uint_32)pic->width, (png_uint_32)pic->height, 8,
		     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_set_text(png, info, &note, 1);
	png_set_filter(png, PNG_FILTER_TYPE_BASE, pic->filters);
	png_set_compression_level(png, 9);
	png_set_compression_buffer_size(png, IDAT_BYTES);
	png_write_info(png, info);
	for (int y = 0; y < pic->height; y++) {
		for (int x = 0; x < pic->width; x++)
			draw_pixel(pic, x, y, row + 3 * x);
		png_write_row(png, row);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	free(row);
}

int main(int argc, char **argv)
{
	static const struct picture pictures[] = {
		{ "1.png", "The lab at night", LAB_WIDTH, LAB_HEIGHT, 8, PNG_FILTER_NONE,
		  lab_scene },
		{ "2.png", "Test card", CARD_WIDTH, CARD_HEIGHT, 8, PNG_ALL_FILTERS, card_scene },
	};

	if (argc != 2) {
		fprintf(stderr, "Usage: draw FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s/%s", argv[1], pictures[i].file);
		FILE *out = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "wb") : NULL;

		if (out == NULL) {
			perror(path);
			return 1;
		}
		write_picture(&pictures[i], out);
		if (fclose(out) != 0) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
