import { Link } from '@tanstack/react-router';
import { SeverityMark } from '../ui/marks';
import { Empty, Loading } from '../ui/notices';
import { useFleetFaults } from './fleet';

/** The faults that most vehicles have. */
export function TopFaults() {
  const { faults, scans, isPending } = useFleetFaults();
  return (
    <section className="panel" aria-label="Top faults">
      <header>
        <h2 className="grow">Top faults</h2>
        <Link to="/faults" className="small">
          All faults
        </Link>
      </header>
      {isPending ? (
        <Loading rows={4} />
      ) : faults.length === 0 ? (
        <Empty title={scans.size === 0 ? 'No vehicle has been scanned' : 'No faults'}>
          {scans.size === 0
            ? 'Faults show here when vehicles have been read as a whole.'
            : `None in ${scans.size} vehicles.`}
        </Empty>
      ) : (
        <div className="grid-wrap">
          <table className="grid">
            <tbody>
              {faults.slice(0, 8).map((fault) => (
                <tr key={fault.code}>
                  <td>
                    <SeverityMark severity={fault.severity} />
                  </td>
                  <td className="mono">
                    <strong>{fault.code}</strong>
                  </td>
                  <td>{fault.name}</td>
                  <td className="num nowrap">
                    {fault.vehicles.size} of {scans.size}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
