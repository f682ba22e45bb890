package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// ownerSuffix is between a journal's file name and the name of an owner.
const ownerSuffix = ".owner-"

// liveOwner is a lock that a process on this machine holds while it is alive,
// however it ends. So the next start knows that its predecessor is dead, and
// needn't wait for its leases to expire.
type liveOwner struct{ lock *flock.Flock }

// newLiveOwner takes the lock. If that fails, everything works, but others
// have to wait.
func newLiveOwner(path, owner string) liveOwner {
	lock := flock.New(path+ownerSuffix+owner, flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return liveOwner{}
	}
	return liveOwner{lock}
}

// release releases the lock, as the end of the process would. The file stays,
// so that the next start knows that its owner is dead.
func (o liveOwner) release() {
	if o.lock != nil {
		_ = o.lock.Unlock()
	}
}

// deadOwner is an owner whose lock no other process holds any more. This one does.
type deadOwner struct {
	name string
	lock *flock.Flock
}

// deadOwners returns the dead owners. Their locks must be released.
func deadOwners(path string) []deadOwner {
	files, err := filepath.Glob(globQuote(path) + ownerSuffix + "*")
	if err != nil {
		return nil
	}
	var dead []deadOwner
	for _, file := range files {
		lock := flock.New(file)
		if ok, err := lock.TryLock(); err == nil && ok {
			dead = append(dead, deadOwner{strings.TrimPrefix(file, path+ownerSuffix), lock})
		}
	}
	return dead
}

// release releases the lock. Its file is the only evidence that the owner is dead, so it
// is deleted only if the owner is buried.
func (o deadOwner) release(buried bool) {
	if buried {
		_ = os.Remove(o.lock.Path())
	}
	_ = o.lock.Unlock()
}

func globQuote(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// buryDead buries the dead owners on this machine. An owner that can't be buried now is
// found again.
func (j *Journal) buryDead(ctx context.Context) error {
	dead := deadOwners(j.path)
	names := make([]string, len(dead))
	for i, o := range dead {
		names[i] = o.name
	}
	err := j.bury(ctx, names)
	for _, o := range dead {
		o.release(err == nil)
	}
	return err
}

// bury ends the leases of dead owners: their decisions are free at once, even
// those they were about to post.
func (j *Journal) bury(ctx context.Context, dead []string) error {
	if len(dead) == 0 {
		return nil
	}
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		for _, owner := range dead {
			for _, statement := range []string{
				// Two statements, each with a small index, instead of one
				// without.
				`UPDATE decisions SET leased_until = 0 WHERE owner = $1 AND announced_at IS NULL`,
				`UPDATE decisions SET leased_until = 0 WHERE owner = $1 AND follow_up > 0 AND settled_at = 0`,
				`DELETE FROM replicas WHERE id = $1`,
			} {
				if _, err := q.exec(ctx, statement, owner); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	if err != nil {
		return fmt.Errorf("freeing the decisions of dead processes: %w", err)
	}
	return nil
}
