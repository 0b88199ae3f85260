/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks: a block front as a disk of Linux. */
#include "blk.h"

#include <linux/idr.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <splitio/proto/vdev.h>

#define BUDGET     64
#define DEPTH      64 /* requests of a queue */
#define POOL_PAGES 512

static int major;
static DEFINE_IDA(numbers);
#define MINORS 16 /* of a disk, for its partitions */

/* --- the front --- */

static void on_wake(void *arg)
{
    struct blk *b = arg;

    splitio_wake(b->sd->machine);
}

/* Connected, or of another size. */
static void on_changed(void *arg)
{
    struct blk *b = arg;

    (void)queue_work(system_long_wq, &b->update);
}

static int blk_poll(struct splitio_device *sd)
{
    struct blk *b = dev_get_drvdata(&sd->dev);
    int n = splitio_blkfront_poll(&b->front, BUDGET);

    n += blk_queue_submit(b);
    if (b->closing &&
        (splitio_blkfront_is_closed(&b->front) ||
         splitio_is_alone(sd->machine)) &&
        splitio_blkfront_fini(&b->front) == 0) {
        blk_queue_fail(b);
        splitio_done(sd);
    }
    return n;
}

static void blk_resume(struct splitio_device *sd)
{
    struct blk *b = dev_get_drvdata(&sd->dev);

    splitio_blkfront_resume(&b->front);
}

static int front_open(struct blk *b)
{
    struct splitio_machine *m = b->sd->machine;
    struct splitio_blkfront_config cfg = {
        .wake = {on_wake, b},
        .changed = {on_changed, b},
        .dir = b->sd->dir,
        .max_queues = 1,
        .max_ring_order = 2,
        .max_segs = 32,
        .pool_pages = POOL_PAGES,
    };
    size_t bytes;
    int err;

    mutex_lock(&m->lock);
    /* A small window is shared by all its devices. */
    cfg.pool_pages =
        clamp(m->guest.guest.nr_free_pages / 8, 34u, (unsigned int)POOL_PAGES);
    cfg.port = splitio_ivshmem_guest_port(&m->guest);
    cfg.store = splitio_ivshmem_guest_store(&m->guest);
    bytes = splitio_blkfront_mem_bytes(&cfg);
    b->mem = vzalloc(bytes);
    err = b->mem ? splitio_blkfront_init(&b->front, &cfg, b->mem, bytes)
                 : SPLITIO_ENOMEM;
    mutex_unlock(&m->lock);
    if (!err)
        return 0;
    dev_err(&b->sd->dev, "%s\n",
            err == SPLITIO_ENOMEM ? "the window has no room for it"
                                  : splitio_strerror(err));
    return -ENOMEM;
}

/* --- the disk --- */

static int blk_open(struct block_device *bdev, fmode_t mode)
{
    return (mode & FMODE_WRITE) && get_disk_ro(bdev->bd_disk) ? -EROFS : 0;
}

static const struct block_device_operations disk_ops = {
    .owner = THIS_MODULE,
    .open = blk_open,
};

static void set_limits(struct request_queue *q,
                       const struct splitio_blkfront_info *info)
{
    blk_queue_logical_block_size(q, info->sector_size);
    blk_queue_physical_block_size(q, info->physical_sector_size);
    blk_queue_max_segments(q, BLK_SEGMENTS);
    blk_queue_max_segment_size(q, PAGE_SIZE);
    blk_queue_max_hw_sectors(q, BLK_SEGMENTS * (PAGE_SIZE / SECTOR_SIZE));
    blk_queue_write_cache(q, info->flags & SPLITIO_BLKFRONT_FLUSHES, false);
    blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
    if (!(info->flags & SPLITIO_BLKFRONT_DISCARDS))
        return;
    q->limits.discard_granularity = info->discard_granularity;
    q->limits.discard_alignment = info->discard_alignment;
    blk_queue_max_discard_sectors(q, UINT_MAX >> SECTOR_SHIFT);
    if (info->flags & SPLITIO_BLKFRONT_SECURE)
        blk_queue_max_secure_erase_sectors(q, UINT_MAX >> SECTOR_SHIFT);
}

/* Without the machine's lock: who looks for partitions, waits for the thread. */
static void update(struct work_struct *work)
{
    struct blk *b = container_of(work, struct blk, update);
    struct splitio_machine *m = b->sd->machine;
    struct splitio_blkfront_info info;
    bool up;

    mutex_lock(&m->lock);
    info = *splitio_blkfront_get_info(&b->front);
    up = splitio_blkfront_is_up(&b->front) && !b->closing;
    mutex_unlock(&m->lock);
    splitio_wake(m);
    if (!up)
        return;
    if (b->shown) {
        set_capacity_and_notify(b->disk, info.nr_sectors);
        return;
    }
    set_limits(b->disk->queue, &info);
    set_disk_ro(b->disk, info.flags & SPLITIO_BLKFRONT_READ_ONLY);
    set_capacity(b->disk, info.nr_sectors);
    if (info.flags & SPLITIO_BLKFRONT_REMOVABLE)
        b->disk->flags |= GENHD_FL_REMOVABLE;
    b->shown = true;
    if (device_add_disk(&b->sd->dev, b->disk, NULL)) {
        dev_err(&b->sd->dev, "no disk can be made of it\n");
        b->shown = false;
    }
}

/* xvda is splitioa, xvdb splitiob, ... xvdaa splitioaa. */
static void name_disk(char *name, size_t bytes, int number)
{
    char letters[8];
    unsigned int at = sizeof(letters) - 1;

    letters[at] = '\0';
    do
        letters[--at] = (char)('a' + number % 26);
    while ((number = number / 26 - 1) >= 0 && at > 0);
    snprintf(name, bytes, "splitio%s", letters + at);
}

/* The number that the toolstack gave, or the next that is free: with several
 * machines' windows. */
static int take_number(uint32_t id)
{
    struct splitio_vdev vdev;
    const unsigned int max = (1 << MINORBITS) / MINORS - 1;

    if (splitio_vdev_decode(id, &vdev) || vdev.disk > max)
        vdev.disk = 0;
    return ida_alloc_range(&numbers, vdev.disk, max, GFP_KERNEL);
}

static int disk_alloc(struct blk *b)
{
    int number, err;

    b->tags.ops = &blk_queue_ops;
    b->tags.nr_hw_queues = 1;
    b->tags.queue_depth = DEPTH;
    b->tags.numa_node = NUMA_NO_NODE;
    b->tags.cmd_size = sizeof(struct blk_request);
    b->tags.flags = BLK_MQ_F_SHOULD_MERGE;
    err = blk_mq_alloc_tag_set(&b->tags);
    if (err)
        return err;
    number = take_number(b->sd->id);
    if (number < 0) {
        err = number;
        goto out_tags;
    }
    b->disk = blk_mq_alloc_disk(&b->tags, b);
    if (IS_ERR(b->disk)) {
        err = PTR_ERR(b->disk);
        goto out_number;
    }
    b->disk->major = major;
    b->disk->first_minor = number * MINORS;
    b->disk->minors = MINORS;
    b->disk->fops = &disk_ops;
    b->disk->private_data = b;
    name_disk(b->disk->disk_name, sizeof(b->disk->disk_name), number);
    return 0;

out_number:
    ida_free(&numbers, number);
out_tags:
    blk_mq_free_tag_set(&b->tags);
    return err;
}

static void disk_free(struct blk *b)
{
    int number = b->disk->first_minor / MINORS;

    put_disk(b->disk);
    blk_mq_free_tag_set(&b->tags);
    ida_free(&numbers, number);
}

/* --- the driver --- */

static int blk_probe(struct splitio_device *sd)
{
    struct blk *b = kvzalloc(sizeof(*b), GFP_KERNEL);
    int err;

    if (!b)
        return -ENOMEM;
    b->sd = sd;
    spin_lock_init(&b->lock);
    INIT_LIST_HEAD(&b->requests);
    INIT_WORK(&b->update, update);
    dev_set_drvdata(&sd->dev, b);
    err = disk_alloc(b);
    if (err)
        goto out_free;
    err = front_open(b);
    if (err)
        goto out_disk;
    return 0;

out_disk:
    disk_free(b);
    vfree(b->mem);
out_free:
    kvfree(b);
    return err;
}

/* An orderly end: what is under way is done, unless nobody is there to do it. */
static void blk_remove(struct splitio_device *sd)
{
    struct blk *b = dev_get_drvdata(&sd->dev);
    struct splitio_machine *m = sd->machine;
    bool alone;

    cancel_work_sync(&b->update);
    mutex_lock(&m->lock);
    alone = splitio_is_alone(m);
    b->closing = alone;
    mutex_unlock(&m->lock);
    splitio_wake(m);
    if (b->shown)
        del_gendisk(b->disk);
    mutex_lock(&m->lock);
    if (!b->closing) {
        b->closing = true;
        splitio_blkfront_close(&b->front);
    }
    mutex_unlock(&m->lock);
    splitio_wake(m);
    wait_for_completion(&sd->done);
    cancel_work_sync(&b->update);
    disk_free(b);
    vfree(b->mem);
    kvfree(b);
}

static struct splitio_driver blk_driver = {
    .driver.name = "splitio-blk",
    .kind = "vbd",
    .probe = blk_probe,
    .remove = blk_remove,
    .poll = blk_poll,
    .resume = blk_resume,
};

static int __init blk_init(void)
{
    int err;

    major = register_blkdev(0, "splitio");
    if (major < 0)
        return major;
    err = splitio_driver_register(&blk_driver, THIS_MODULE);
    if (err)
        unregister_blkdev((unsigned int)major, "splitio");
    return err;
}

static void __exit blk_exit(void)
{
    splitio_driver_unregister(&blk_driver);
    unregister_blkdev((unsigned int)major, "splitio");
}

module_init(blk_init);
module_exit(blk_exit);
MODULE_DESCRIPTION("splitio: disks");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_ALIAS("splitio:vbd");
